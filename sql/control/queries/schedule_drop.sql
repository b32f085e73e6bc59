-- a party takes a schedule of its own away
DELETE FROM schedule WHERE id = ? AND party = ?
