# SPDX-License-Identifier: GPL-2.0-or-later
# A chart per question, from the columns that `sealdex-bench report` wrote:
#   gnuplot -e "dir='bench/out'; ending='svg'" bench/plots.gp
if (ending eq 'svg') {
  set terminal svg size 820,500 font "DejaVu Sans,13" background "white" dynamic
} else {
  set terminal pngcairo size 1640,1000 fontscale 1.9 linewidth 2 background "white" font "DejaVu Sans,10"
}
chart(name) = sprintf("%s/%s.%s", dir, name, ending)
data(name) = sprintf("%s/plot-%s.dat", dir, name)
lines_of(name) = int(system(sprintf("cat '%s' | wc -l", data(name))))
measured(name) = int(system(sprintf("grep -c '\t[0-9]' '%s'", data(name)))) > 0

set datafile separator "\t"
set datafile missing "?"
set style line 1 lc rgb "#0b5fa5" pt 7 ps 1.3 lw 3
set style line 2 lc rgb "#d95f02" pt 5 ps 0.9 lw 1.5
set style line 3 lc rgb "#e8a33d" pt 4 ps 0.9 lw 1.5
set style line 4 lc rgb "#7a68b3" pt 9 ps 1.0 lw 1.5
set style line 5 lc rgb "#2f8f6b" pt 11 ps 1.0 lw 1.5
set border 3 lc rgb "#555555"
set tics nomirror textcolor rgb "#222222"
set grid lc rgb "#dddddd" lt 1 lw 0.6

# How fast is search?
set logscale x
set grid x y
set key outside right top vertical Left reverse samplen 1
set ytics scale 0
if (measured("search")) {
set output chart("search")
set title "How fast is search? Ten best hits, warm: median of each class"
set xlabel "microseconds (logarithmic; left is faster)"
set yrange [-(lines_of("search") - 1) + 0.3 : 0.7]
plot for [k=2:6] data("search") using k:(-$0):ytic(1) with points ls (k - 1) title columnheader(k)
}
# Many readers.
if (measured("readers")) {
set output chart("readers")
set title "How many searches per second? Readers beside a writer"
set xlabel "searches per second, all readers together (logarithmic; right is faster)"
set yrange [-(lines_of("readers") - 1) + 0.3 : 0.7]
plot for [k=2:6] data("readers") using k:(-$0):ytic(1) with points ls (k - 1) title columnheader(k)
}
unset logscale
unset yrange
unset ytics
set ytics auto nomirror scale 1
set yrange [*:*]

# The tails of the same.
if (measured("tails")) {
set output chart("tails")
set title "How slow can it get? All classes together, warm"
set xlabel "share of searches that are done"
set ylabel "microseconds (logarithmic)"
set logscale y
set format y "%.0f"
set xtics ("1/2" 0, "9 of 10" 1, "99 of 100" 2, "999 of 1,000" 3, "all" 4)
set xrange [-0.2:4.2]
plot for [k=2:6] data("tails") using ($0):k with linespoints ls (k - 1) title columnheader(k)
}
unset logscale
set format y
set xtics auto
set xrange [*:*]

# Bars, one per engine, with their values.
set style fill solid 0.9 noborder
set boxwidth 0.6
unset key
set grid noxtics ytics
colour(i) = i < ours ? 0x0b5fa5 : 0x9aa5b1

ours = lines_of("size") > 5 ? 2 : 1 # its files, and the pages in use of them
if (measured("size")) {
set output chart("size")
set title "How big? The index, positions included, against the text in it"
unset xlabel
set ylabel "bytes on disk / bytes of text"
set yrange [0:*]
set xtics scale 0
set offsets 0.3, 0.3, graph 0.05, 0
plot data("size") using 0:2:(colour($0)):xtic(1) with boxes lc rgb variable, \
     data("size") using 0:2:(sprintf("%.2f", $2)) with labels offset 0,0.7
}

ours = 1
if (measured("build")) {
set output chart("build")
set title "How fast is it built? Bulk build on one core, durable at its end"
set ylabel "MB of decoded text per second"
plot data("build") using 0:2:(colour($0)):xtic(1) with boxes lc rgb variable, \
     data("build") using 0:2:(sprintf($2 < 3 ? "%.2f" : "%.1f", $2)) with labels offset 0,0.7
}

if (lines_of("sealing") > 0) {
set output chart("sealing")
set title "What does sealing cost? Sealdex against the same build with a null cipher"
set xlabel "per cent more than unsealed"
unset ylabel
set yrange [-lines_of("sealing") + 0.3 : 0.7]
set xrange [*:*]
set offsets graph 0.04, graph 0.14, 0, 0 # room for the figures beside the bars
set grid xtics noytics
set ytics scale 0
set xtics scale 1
set arrow 1 from 0, graph 0 to 0, graph 1 nohead lc rgb "#555555"
plot data("sealing") using (0):(-$0):(0):2:(-$0 - 0.3):(-$0 + 0.3):ytic(1) with boxxyerror lc rgb "#0b5fa5", \
     data("sealing") using ($2 > 0 ? $2 : 0):(-$0):(sprintf("%+.1f%%", $2)) with labels left offset 1,0
}
unset arrow 1
set offsets 0, 0, 0, 0
unset ytics
set ytics auto nomirror scale 1
set yrange [*:*]
set xrange [*:*]

# How does it grow?
if (measured("growth-rare")) {
  set output chart("growth")
  set title "How does it grow? Made-up mailboxes, terms in a fixed number of items"
  set xlabel "items in the index"
  set ylabel "median, microseconds (logarithmic)"
  set logscale xy
  set format x "%.0s%c"
  set grid x y
  set key outside right top vertical Left reverse samplen 2
  set xrange [7000:1500000]
  plot data("growth-rare") using 1:2 with linespoints ls 1 title "Sealdex, rare (10 or fewer)", \
       data("growth-and") using 1:2 with linespoints ls 1 dt (6,4) pt 6 title "Sealdex, AND (1,000, share)", \
       data("growth-fixed") using 1:2 with linespoints ls 1 dt 3 pt 4 title "Sealdex, AND (1,000, 4,000)", \
       data("growth-rare") using 1:3 with linespoints ls 2 title "Xapian, rare", \
       data("growth-and") using 1:3 with linespoints ls 2 dt 2 pt 4 title "Xapian, AND (1,000, share)", \
       data("growth-rare") using 1:5 with linespoints ls 4 title "FTS5, rare", \
       data("growth-and") using 1:5 with linespoints ls 4 dt 2 pt 8 title "FTS5, AND (1,000, share)"
}

# How long does a first index take?
if (measured("growth-files")) {
  set output chart("files")
  set title "How long does a first index take? Made-up mailboxes as raw files, all cores"
  set ylabel "seconds (logarithmic)"
  set y2label "peak memory, MiB"
  set y2tics
  set y2range [0:600]
  set xrange [7000:1500000]
  plot data("growth-files") using 1:2 with linespoints ls 1 title "seconds", \
       data("growth-files") using 1:2:(sprintf("%.1f s", $2)) with labels offset 0,1 notitle, \
       data("growth-memory") using 1:2 axes x1y2 with linespoints ls 2 dt 2 title "peak memory"
}
