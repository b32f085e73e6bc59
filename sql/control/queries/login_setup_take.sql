-- uses the code, once
DELETE FROM setup WHERE hash = ?
