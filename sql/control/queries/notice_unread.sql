-- how many notices a person has not read; the person alone sees it
SELECT count(*) FROM notice WHERE person = ? AND read = 0
