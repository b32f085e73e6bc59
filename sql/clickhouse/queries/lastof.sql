-- the last of the touches that a conversion takes: of those of its day the one with the
-- most touches, of such by turns the first and the last; it stays on the server
arraySort(e -> (-e.1, -e.3, if(bitAnd(e.1, 1) = 0, e.2, -e.2)), used)[1].2
