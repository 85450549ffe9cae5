# A compare.csv as a table in Markdown: awk -f recipes/table.awk FOLDER/compare.csv
# Each row is a method: mean over the seeds, and the deviation of one seed from it (n - 1), in percent.
BEGIN { FS = "," }
FNR == 1 {
    for (i = 1; i <= NF; i++)
        column[$i] = i
    next
}
{
    m = $column["method"]
    if (!(m in n))
        order[++rows] = m
    n[m]++
    bytes[m] = $column["bytes"]
    top1[m] += 100 * $column["top1"]
    top1_squared[m] += (100 * $column["top1"]) ^ 2
    delta[m] += 100 * $column["delta"]
    delta_squared[m] += (100 * $column["delta"]) ^ 2
}
function deviation(sum, squares, k) {
    k = (squares - sum * sum / k) / (k - 1)
    return k > 0 ? sqrt(k) : 0
}
function spread(sum, squares, k) {
    return k > 1 ? sprintf(" ± %.2f", deviation(sum, squares, k)) : ""
}
END {
    print "| method | seeds | top-1 % | against float | KB |"
    print "|---|--:|--:|--:|--:|"
    for (i = 1; i <= rows; i++) {
        m = order[i]
        printf "| %s | %d | %.2f%s | %+.2f%s | %.0f |\n", m, n[m], top1[m] / n[m],
            spread(top1[m], top1_squared[m], n[m]), delta[m] / n[m],
            spread(delta[m], delta_squared[m], n[m]), bytes[m] / 1000
    }
}
