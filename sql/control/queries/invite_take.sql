-- uses a link, once
DELETE FROM invite WHERE id = ? AND ends > ?
