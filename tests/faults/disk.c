/* A disk that says it is full while $DISK_LOW or $DISK_FULL exists, takes nothing more while
 * $DISK_FULL exists, and cannot keep what it was given while $DISK_BROKEN exists.
 * Preloaded; everything but regular files goes on as it was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int on(const char *name)
{
    const char *path = getenv(name);
    return path && access(path, F_OK) == 0;
}

static int full(int fd)
{
    int before = errno;
    struct stat found;
    int yes = fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && on("DISK_FULL");
    errno = yes ? ENOSPC : before;
    return yes;
}

static int broken(void)
{
    int before = errno, yes = on("DISK_BROKEN");
    errno = yes ? EIO : before;
    return yes;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size)
{
    return full(fd) ? -1 : NEXT(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return full(fd) ? -1 : NEXT(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return full(fd) ? -1 : NEXT(pwrite64)(fd, data, size, at);
}

int fsync(int fd)
{
    return broken() ? -1 : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    return broken() ? -1 : NEXT(fdatasync)(fd);
}

int statvfs(const char *path, struct statvfs *found)
{
    int answer = NEXT(statvfs)(path, found);
    if (answer == 0 && (on("DISK_LOW") || on("DISK_FULL")))
        found->f_bavail = found->f_bfree = 0;
    return answer;
}

int statvfs64(const char *path, struct statvfs64 *found)
{
    int answer = NEXT(statvfs64)(path, found);
    if (answer == 0 && (on("DISK_LOW") || on("DISK_FULL")))
        found->f_bavail = found->f_bfree = 0;
    return answer;
}
