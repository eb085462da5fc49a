"""The demo city Tianjin: real names, codes and district outlines; everything else is made up by seed."""
