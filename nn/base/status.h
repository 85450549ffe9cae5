/* status - how a function of octet says that it failed.
 *
 * A function that can fail returns NN_OK or a negative status and leaves one line of text for this
 * thread: which layer, file, option or byte offset, which numbers, and what to do.  Nothing below
 * train/ prints, exits or aborts.  The text stays until the same thread's next failure. */
#ifndef OCTET_NN_BASE_STATUS_H
#define OCTET_NN_BASE_STATUS_H

typedef enum nn_status {
    NN_OK = 0,
    NN_EINVAL = -1,   /* an argument, option or setting that cannot be */
    NN_ESHAPE = -2,   /* shapes that do not fit each other */
    NN_ENOMEM = -3,   /* memory could not be had */
    NN_EIO = -4,      /* a file could not be opened, read or written */
    NN_EFORMAT = -5,  /* a file's content is not what its format demands */
    NN_ENOTSUP = -6,  /* well-formed, but octet does not do it */
    NN_EDIVERGED = -7 /* training produced a value that is not finite */
} nn_status;

#if defined(__GNUC__)
#define NN_PRINTF(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))
#else
#define NN_PRINTF(fmt_index, args_index)
#endif

/* Sets this thread's message (cut at 511 bytes) and returns `code`, so that a caller can write
 * `return nn_fail(NN_ESHAPE, "dense %s: ...", name);`. */
nn_status nn_fail(nn_status code, const char *fmt, ...) NN_PRINTF(2, 3);

/* Puts "fmt: " in front of this thread's message and returns `code`: a caller that knows the file
 * or the layer adds it to what the callee knew. */
nn_status nn_fail_context(nn_status code, const char *fmt, ...) NN_PRINTF(2, 3);

/* This thread's last message; "" if nothing has failed yet.  Borrowed; never NULL. */
const char *nn_message(void);

/* Returns from the calling function if `expr` failed. */
#define NN_TRY(expr)                                                                               \
    do {                                                                                           \
        nn_status nn_try_ = (expr);                                                                \
        if (nn_try_ != NN_OK)                                                                      \
            return nn_try_;                                                                        \
    } while (0)

#endif
