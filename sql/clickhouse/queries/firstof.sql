-- the first of them, likewise; it stays on the server
arraySort(e -> (e.1, -e.3, if(bitAnd(e.1, 1) = 0, -e.2, e.2)), used)[1].2
