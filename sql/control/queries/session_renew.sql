-- a new cookie for a session
UPDATE session SET hash = ? WHERE person = ? AND id = ?
