-- a new schedule of a party
INSERT INTO schedule (id, party, person, name, entrustment, question, days, cron, formats, state, next, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?)
