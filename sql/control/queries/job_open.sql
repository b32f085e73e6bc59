-- how many jobs of a party are not over
SELECT count(*) FROM job WHERE party = ? AND ended = 0
