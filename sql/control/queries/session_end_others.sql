-- ends the sessions of a person but one
DELETE FROM session WHERE person = ? AND id <> ?
