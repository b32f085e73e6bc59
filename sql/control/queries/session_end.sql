-- ends a session of a person
DELETE FROM session WHERE person = ? AND id = ?
