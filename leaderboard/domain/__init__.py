"""The arithmetic of full-cycle energy: pure functions over plain values, standard library only."""
