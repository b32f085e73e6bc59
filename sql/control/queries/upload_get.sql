-- one upload; people of its party see it
SELECT id, party, person, entrustment, name, size, state, created, completed, ended FROM upload WHERE id = ? AND party = ?
