-- writes the same password with more work, unless it changed in between
UPDATE person SET password = ? WHERE id = ? AND password = ?
