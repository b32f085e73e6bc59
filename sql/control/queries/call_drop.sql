-- forgets a key whose request was not answered, so that it can be sent again
DELETE FROM call WHERE person = ? AND key = ? AND status = 0
