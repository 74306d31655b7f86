"""Work on whole collections: vectors are filled in, collections are built anew, moved and removed."""
