-- its receiver took something
UPDATE webhook SET failing = 0 WHERE id = ?
