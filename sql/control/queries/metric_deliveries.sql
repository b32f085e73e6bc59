-- how many deliveries of webhooks there are in each state, of all parties together, for the operator's metrics
SELECT '', state, COUNT(*) FROM delivery GROUP BY state
