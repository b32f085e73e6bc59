-- forgets sessions that ended by themselves
DELETE FROM session WHERE ends <= ? OR used <= ?
