"""`python -m stylegan_serving.batch`; see `main`."""

from stylegan_serving.batch import main

if __name__ == '__main__':
    main.run()
