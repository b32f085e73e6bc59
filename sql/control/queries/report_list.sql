-- reports that a party received, newest first
SELECT id, party, entrustment, version, kind, list, list_version, question, digest, asked_by, person, job, schedule, created, released, until
FROM report WHERE party = ?1 AND (?2 = '' OR entrustment = ?2) AND (?3 = '' OR kind = ?3) AND (?4 = '' OR schedule = ?4) AND (?5 = '' OR id < ?5) AND (?7 = '' OR id = ?7) ORDER BY id DESC LIMIT ?6
