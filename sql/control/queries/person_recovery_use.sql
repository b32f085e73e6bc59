-- uses a recovery code, once
DELETE FROM recovery WHERE person = ? AND hash = ?
