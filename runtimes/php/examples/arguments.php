<?php
echo json_encode(array_slice($argv, 1)), "\n";
