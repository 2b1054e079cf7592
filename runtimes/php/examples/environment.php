<?php
echo getenv("API_URL"), "\n";
