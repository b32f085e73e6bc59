-- changes an account of a party
UPDATE person SET name = ?, roles = ?, language = ?, disabled = ? WHERE party = ? AND id = ?
