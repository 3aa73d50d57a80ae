"""AWS on this machine: moto, mended where it is kinder than AWS, with functions as processes and one clock."""
