-- a released table, once for its recipient
INSERT INTO report (id, party, entrustment, version, kind, list, list_version, question, digest, asked_by, person, job, schedule, created, released, until)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (party, digest) DO NOTHING
