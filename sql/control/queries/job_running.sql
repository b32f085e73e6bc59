-- how many jobs of a party are under way
SELECT count(*) FROM job WHERE party = ? AND ended = 0 AND state = 'running'
