<?php
readfile("data/numbers.txt");
