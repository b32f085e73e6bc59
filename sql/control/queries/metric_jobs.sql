-- how many jobs there are of each kind and state, of all parties together, for the operator's metrics
SELECT kind, state, COUNT(*) FROM job GROUP BY kind, state
