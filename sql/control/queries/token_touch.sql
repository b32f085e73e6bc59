-- that a token is in use
UPDATE token SET used = ? WHERE id = ?
