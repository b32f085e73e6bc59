-- frees the keys of requests that a service before this one did not come to answer
DELETE FROM call WHERE status = 0 AND at < ?
