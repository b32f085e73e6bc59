-- one job of a party; of any party ('*') for who does it
SELECT id, party, person, kind, subject, upload, coalesce(once, ''), state, read, whole, coalesce(result, ''), coalesce(reason, ''), canceled, faults, version, created, started, ended
FROM job WHERE id = ?1 AND (party = ?2 OR ?2 = '*')
