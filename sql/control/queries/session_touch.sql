-- that a session is in use
UPDATE session SET used = ? WHERE id = ?
