-- a new job
INSERT INTO job (id, party, person, kind, subject, upload, once, state, created) VALUES (?, ?, ?, ?, ?, ?, nullif(?, ''), 'waiting', ?)
