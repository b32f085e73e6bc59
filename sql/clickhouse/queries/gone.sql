-- leaves out who asked for deletion or a stop of use: they come with the question,
-- and go with it
id NOT IN (SELECT id FROM gone)
