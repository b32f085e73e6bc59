-- and its place as leader of the queue is
DELETE FROM river_leader
