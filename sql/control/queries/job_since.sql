-- how many jobs a party has whose ids sort after one, up to a number
SELECT count(*) FROM (SELECT 1 FROM job WHERE party = ?1 AND id > ?2 LIMIT ?3)
