-- jobs that a front before this one was at are free again: there is one front
UPDATE river_job SET state = 'available' WHERE state = 'running'
