-- takes an upload back; people of its party may
DELETE FROM upload WHERE id = ? AND party = ? AND ended = 0
