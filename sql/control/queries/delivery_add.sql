-- puts an event on its way to a webhook
INSERT INTO delivery (id, webhook, event, state, next, job, created) VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, ?4)
