-- deliveries that wait for a job that is over
SELECT id FROM delivery WHERE state = 'waiting' AND NOT EXISTS (SELECT 1 FROM job WHERE job.id = delivery.job AND job.ended = 0) LIMIT 1000
