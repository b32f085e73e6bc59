-- sets the password of an account
UPDATE person SET password = ? WHERE id = ?
