-- one report; people of its recipient see it
SELECT id, party, entrustment, version, kind, list, list_version, question, digest, asked_by, person, job, schedule, created, released, until FROM report WHERE id = ? AND party = ?
