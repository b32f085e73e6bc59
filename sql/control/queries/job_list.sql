-- jobs of a party, newest first, of a state and a kind where they are asked
SELECT id, party, person, kind, subject, upload, coalesce(once, ''), state, read, whole, coalesce(result, ''), coalesce(reason, ''), canceled, faults, version, created, started, ended
FROM job WHERE party = ?1 AND (?2 = '' OR state = ?2) AND (?3 = '' OR kind = ?3) AND (?4 = '' OR id < ?4) ORDER BY id DESC LIMIT ?5
