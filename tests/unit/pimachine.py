"""What /sys and /proc of a Raspberry Pi hold, as far as the uplink reads it."""

# As read on a Raspberry Pi Compute Module with eMMC and Wi-Fi.
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
ALARM = "sys/class/hwmon/hwmon1/in0_lcrit_alarm"
PI = {
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "proc/meminfo": "MemTotal:         427612 kB\nMemFree:  71000 kB\n"
    "MemAvailable:     213484 kB\n",
    "proc/self/smaps_rollup": "5580000-7ffc00 ---p 00000000 00:00 0  [rollup]\n"
    "Rss:               30980 kB\nPss:               24611 kB\nPss_Dirty:         14000 kB\n",
    "sys/block/mmcblk0/device/life_time": "0x01 0x02\n",
    "sys/block/mmcblk0/device/pre_eol_info": "0x01\n",
    "sys/block/mmcblk0/stat": "   14530     4821  1076578    27718     8094     9260   331704   "
    "83415        0    43116   111134        0        0        0        0        0        0\n",
    "proc/net/wireless": "Inter-| sta-|   Quality        |   Discarded packets     \n"
    " face | tus | link level noise |  nwid  crypt   frag  retry   misc\n"
    " wlan0: 0000   55.  -55.  -256        0      0      0      0     17        0\n",
    THROTTLED: "0\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    ALARM: "0\n",
}
