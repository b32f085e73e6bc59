-- forgets what was told before a moment, with its notices and deliveries; not what is still on its way
DELETE FROM event WHERE at < ? AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event = event.id AND delivery.state = 'waiting')
