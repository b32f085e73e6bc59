-- forgets a webhook of a party, with its deliveries
DELETE FROM webhook WHERE id = ? AND party = ?
