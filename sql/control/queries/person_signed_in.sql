-- when a person signed in last
UPDATE person SET signed_in = ? WHERE id = ?
